"""Who the viewer is: bearer tokens and log-in against an OpenID provider, and the session cookie.

Nothing is imported here. A function that only opens session cookies need not load the token
library, which counts at a Lambda function's cold start.
"""
