"""What the orchestrator says to its model, and to the team."""

FACTS = """This is the request:

{task}

Before anybody starts, take stock of what is known. Answer under these four headings only:

1. GIVEN FACTS: what the request itself states. It may state nothing.
2. FACTS TO LOOK UP: what has to be found, and where it may be found.
3. FACTS TO DERIVE: what has to be computed or concluded.
4. GUESSES: what you remember or suspect, and how sure you are.

Names, figures, dates and places are facts. Make no plan yet."""

PLAN = """This is the team:

{team}

Given the facts, write a short plan for the request, as a list. Not everybody has to take part: \
use only those who are needed."""

LEDGER = """We are working on this request:

{task}

The team:

{team}

What is known:

{facts}

The plan:

{plan}"""

PROGRESS = """Once more, the request:

{task}

And the team:

{team}

Look at the conversation above and judge where we are:

- is_request_satisfied: is everything the request asks for done? True only if nothing is left to do.
- is_in_loop: do we repeat the same requests or answers without getting anywhere?
- is_progress_being_made: do the last messages bring us further? False if we are stuck or blocked.
- next_speaker: who speaks next? Exactly one of: {names}
- instruction_or_question: what do you tell or ask that team member, with all it has to know?

Give a reason for each.{format}"""

FORMAT = """

Answer with one JSON object of this shape and nothing else:

{"is_request_satisfied": {"reason": "…", "answer": true or false},
 "is_in_loop": {"reason": "…", "answer": true or false},
 "is_progress_being_made": {"reason": "…", "answer": true or false},
 "next_speaker": {"reason": "…", "answer": "a name"},
 "instruction_or_question": {"reason": "…", "answer": "what you say to that member"}}"""

UPDATE_FACTS = """We are not getting further with this request:

{task}

Bring the list of facts up to date with what was learned since: correct what was wrong, move what \
was confirmed to the given facts, and add at least one new guess, with your reasons. This is the \
list so far:

{facts}"""

UPDATE_PLAN = """Say in a few words what went wrong so far. Then write a new plan, as a list, that \
avoids these mistakes. The team is the same:

{team}"""

FINAL_ANSWER = """We worked on this request:

{task}

The messages above are what was said about it. Give the final answer to the request, as if you \
spoke to the person who made it."""
