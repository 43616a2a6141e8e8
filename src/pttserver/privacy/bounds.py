def violations(policy, bounds):
    return []
