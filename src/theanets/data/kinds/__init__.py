"""What data can be: dense arrays, sparse matrices, and what a user adds.

`base` holds the class to subclass for a new kind; `sparse` is one; `dense` makes
an array of everything else.
"""
