"""Models on the Hugging Face hub: names, the cache, fetching, cards, publishing. Needs the extra `hub`."""
