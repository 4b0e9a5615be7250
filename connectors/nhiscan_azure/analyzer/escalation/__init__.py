"""How principals of Azure and Entra become more than they are: sets of rights as data, ways of one hop, and chains."""
