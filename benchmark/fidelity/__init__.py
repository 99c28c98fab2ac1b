"""Is the sandbox true? The same trials there and on a real cluster, and what of them comes out the same.

A trial deploys a system, breaks it, looks at it, and treats it three times: not at all, wrongly, rightly.
Compared are the oracle's Judgement and verify's Verdict after each treatment, and the lines of Evidence.
"""
