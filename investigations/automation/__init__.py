"""Which tickets are investigated by themselves: the rules as a document, and what they say about a ticket."""
