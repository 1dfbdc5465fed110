-- One row a customer: truth values instead of 0, 1, Yes and No, and one spelling of "not subscribed". A service that
-- needs internet or a phone is not subscribed without them; that there is none is told by internet_service and
-- phone_service, so seven columns need not tell it again. content_hash is of the record without its label: customers who
-- look the same have the same one, whether they left or not.
with hashed as (
  select
    customers.*,
    sha2(
      concat_ws(
        '|', customers.female, customers.senior_citizen, customers.partner, customers.dependents, customers.tenure,
        customers.phone_service, customers.multiple_lines, customers.internet_service, customers.online_security,
        customers.online_backup, customers.device_protection, customers.tech_support, customers.streaming_tv,
        customers.streaming_movies, customers.contract, customers.paperless_billing, customers.payment_method,
        customers.monthly_charges, coalesce(cast(customers.total_charges as string), 'none')
      ),
      256
    ) as content_hash
  from customers
)

select
  hashed.customer_id,
  hashed.content_hash,
  row_number() over (partition by hashed.content_hash order by hashed.customer_id) > 1 as is_copy,
  row_number() over (partition by hashed.content_hash, hashed.churn order by hashed.customer_id) > 1 as is_exact_copy,
  hashed.churn = 'Yes' as churned,
  hashed.female = 1 as is_female,
  hashed.senior_citizen = 1 as senior_citizen,
  hashed.partner = 1 as partner,
  hashed.dependents = 1 as dependents,
  cast(hashed.tenure as int) as tenure_months,
  hashed.phone_service = 1 as phone_service,
  hashed.multiple_lines = 'Yes' as multiple_lines,
  hashed.internet_service,
  hashed.online_security = 'Yes' as online_security,
  hashed.online_backup = 'Yes' as online_backup,
  hashed.device_protection = 'Yes' as device_protection,
  hashed.tech_support = 'Yes' as tech_support,
  hashed.streaming_tv = 'Yes' as streaming_tv,
  hashed.streaming_movies = 'Yes' as streaming_movies,
  hashed.contract,
  hashed.paperless_billing = 1 as paperless_billing,
  hashed.payment_method,
  cast(hashed.monthly_charges as decimal(10, 2)) as monthly_charge,
  cast(hashed.total_charges as decimal(10, 2)) as total_charge
from hashed
