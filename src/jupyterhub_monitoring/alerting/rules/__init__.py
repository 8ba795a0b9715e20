"""From series to alerts: rule files are read, evaluated in their rhythm, and alerts handed on."""
