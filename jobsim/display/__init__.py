"""What a person sees of a result: text, HTML, colours, the progress bar and the live chart."""
