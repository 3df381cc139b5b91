"""How the assistant works: its tools, its calls, its turns, its words."""
