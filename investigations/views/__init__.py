"""Pages of investigations: each loads through `visible_to`, calls at most one service, and renders."""
