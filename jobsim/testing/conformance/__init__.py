"""The checks that every repository is held to: the list, how one is made, and two ways to ask."""
