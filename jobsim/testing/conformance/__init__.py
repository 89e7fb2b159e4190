"""The checks that every repository must pass: their list, how they run, and two front ends."""
