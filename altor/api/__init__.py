"""The REST kernel: who calls, what they may, how errors, pages, repeats and limits look."""
