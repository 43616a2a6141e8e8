"""Places: positions, distances on the Earth, fences and who is in them. Pure; nothing is kept but in memory."""
