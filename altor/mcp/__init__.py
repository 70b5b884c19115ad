"""The MCP server: AI assistants call tools under a person's API token, with the rights that it has over REST."""
