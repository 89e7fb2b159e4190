"""Reading logs of past jobs into frames."""
