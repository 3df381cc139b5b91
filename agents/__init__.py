"""Conversations around the loop: agents, teams, models, state."""
