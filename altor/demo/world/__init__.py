"""What happened at Harborline: customers, incidents, deployments, billing, issues, tickets. Pure data from a seed."""
