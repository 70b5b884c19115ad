"""The demo's upstream systems on loopback: GitHub, Linear, Stripe and two status pages, in the shapes of the real ones."""
