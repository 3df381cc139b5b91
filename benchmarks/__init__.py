"""The isolation scoreboard and the timings, against floors and peers."""
