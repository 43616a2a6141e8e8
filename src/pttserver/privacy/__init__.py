"""What may be known about people: categories of data, the organisation's policy, decisions, retention."""
