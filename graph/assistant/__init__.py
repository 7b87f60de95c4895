"""The assistant as the API offers it: its tools, running them, answering, and MCP."""
