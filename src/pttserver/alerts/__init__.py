"""Emergency alerts (SOS): from the press to the closing, with everybody who must hear of it. Pure."""
