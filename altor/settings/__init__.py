"""Settings: `altor.settings.installation` for every installation, `altor.settings.test` for the tests."""
