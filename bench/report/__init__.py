"""What a person looks at: tables on the terminal, plots and a self-contained page."""
