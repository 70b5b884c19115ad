"""The REST contract: tickets, investigations, customers, playbooks, connections, profile, inbound events."""
