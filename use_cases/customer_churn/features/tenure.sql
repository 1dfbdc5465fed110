-- How long a customer has been one, in months and in money. A customer without a bill yet has paid nothing. The risk of
-- leaving falls steeply in the first months and slowly after, which a linear model can only see in the logarithm; trees
-- find such a curve by themselves.
select
  customers.customer_id,
  customers.tenure_months,
  ln(1 + customers.tenure_months) as log_tenure,
  cast(coalesce(customers.total_charge, 0) as double) as paid_so_far
from customers
