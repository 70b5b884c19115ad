"""The words of incidents: templates, the language check, and the drafts in the linked tickets."""
