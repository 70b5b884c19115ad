"""Telemetry of the demo company in the tables of the OpenTelemetry exporter, made by numpy from the world."""
