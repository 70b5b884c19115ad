"""A small model of what the installation's own tickets read like, one more signal of the first look.

The rules of the playbooks know the words of their authors; this knows the words of the installation's customers. It is
learned from tickets of which somebody knows the class (`services/textmodel.py` says which), judged on newer ones, and
used only while it does better there than the rules alone.
"""
