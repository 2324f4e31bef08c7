"""The verifier's steps, by what they look at; `chain.verify` numbers them and runs them."""
