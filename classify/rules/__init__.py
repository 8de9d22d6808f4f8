"""What the offline rules know: how units are written, what words mean, what values show. The stages put it together."""
