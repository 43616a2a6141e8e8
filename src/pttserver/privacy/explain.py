def limitations(policy):
    return []
