"""What a function is asked, as given (a call), and what it comes to once checked (a problem). Nothing is computed.

A call is the tuple of a function's arguments. Which route computes it depends on its tensors alone, so it is chosen
before anything is checked. `call.checked()` returns the problem, or raises the sentence that says what is wrong; a
problem returns itself, so that a route takes either.
"""
