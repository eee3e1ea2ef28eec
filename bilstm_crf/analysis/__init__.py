"""Error analysis: what a system gets wrong, where, and how often; or what one gets and another misses."""
