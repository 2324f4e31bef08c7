"""`mydata agent`: a department's own machine returns files, computes their roots from them, and signs with its own key.

It trusts the service for nothing that it signs: values come from its file, read by this code; rules and claims from
the catalogue that is installed here; the contract that its signature is for from a trust file obtained separately. From
the service come the salts' seeds alone, and whichever they are, the root that is signed commits to the file's values.
"""
