"""How any operation is declared, routed, validated, answered and described; knows no resource."""
