"""The services that decide: customer and billing, and the few things they share."""
