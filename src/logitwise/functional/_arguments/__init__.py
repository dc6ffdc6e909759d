"""What the arguments of the functions must be, one file per argument or kind of arguments; `_problems/` asks them."""
