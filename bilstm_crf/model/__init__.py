"""The network: plain modules, from ids to emissions to the CRF's log-likelihood and Viterbi labels.

Letters in shape comments: B sentences, T tokens of the longest, N tokens of all (no padding), C characters
of all tokens, K labels, V words, D dimensions of a word's embedding, E of a character's, F filters, H hidden.
"""
