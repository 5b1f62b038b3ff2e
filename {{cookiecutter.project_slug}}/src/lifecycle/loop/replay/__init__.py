"""Real months, played through the service: what retraining would have been worth."""
