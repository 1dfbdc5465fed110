-- What a customer has paid so far, in months and in money. A customer without a bill yet has paid nothing, at today's
-- price. The risk of leaving falls steeply in the first months and slowly after: a linear model needs the logarithm
-- and bands of the tenure, trees find such steps by themselves.
with paid as (
  select
    customers.*,
    coalesce(customers.total_charge, 0) as paid_so_far,
    case
      when customers.tenure_months > 0 then customers.total_charge / customers.tenure_months
      else customers.monthly_charge
    end as average_charge
  from customers
)

select
  paid.customer_id,
  paid.tenure_months,
  ln(1 + paid.tenure_months) as log_tenure,
  case
    when paid.tenure_months <= 1 then 'first month'
    when paid.tenure_months <= 3 then '2 to 3 months'
    when paid.tenure_months <= 6 then '4 to 6 months'
    when paid.tenure_months <= 12 then '7 to 12 months'
    when paid.tenure_months <= 24 then 'second year'
    when paid.tenure_months <= 48 then 'years 3 and 4'
    else 'longer'
  end as tenure_band,
  paid.paid_so_far,
  paid.average_charge,
  paid.monthly_charge - paid.average_charge as charge_change,
  concat_ws(', ', paid.contract, paid.internet_service) as contract_and_internet
from paid
