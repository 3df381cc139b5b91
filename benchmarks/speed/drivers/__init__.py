"""Programs for other interpreters, started by path; each measures one thing when asked to.

They import nothing of sandcrew. A line in asks for one measure, a line out gives it, as JSON.
"""
