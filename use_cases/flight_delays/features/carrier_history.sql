-- Per carrier and full hour: how its departures of the last 7 and 28 days went. A row stands at the end of its hour,
-- so it counts only flights that had left by then. Sums of whole minutes keep repeated builds equal to the last bit.
with hourly as (
  select
    departures.carrier,
    date_trunc('HOUR', departures.departed_at) + interval 1 hour as hour,
    count(*) as departures,
    sum(cast(departures.late as int)) as late,
    sum(departures.delay_minutes) as delay_minutes
  from departures
  group by departures.carrier, date_trunc('HOUR', departures.departed_at) + interval 1 hour
),

rolling as (
  select
    hourly.carrier,
    hourly.hour,
    sum(hourly.departures) over last_7_days as departures_7d,
    sum(hourly.late) over last_7_days as late_7d,
    sum(hourly.delay_minutes) over last_7_days as delay_7d,
    sum(hourly.departures) over last_28_days as departures_28d,
    sum(hourly.late) over last_28_days as late_28d,
    sum(hourly.delay_minutes) over last_28_days as delay_28d
  from hourly
  window
    last_7_days as (partition by hourly.carrier order by hourly.hour range between interval 7 days preceding and current row),
    last_28_days as (partition by hourly.carrier order by hourly.hour range between interval 28 days preceding and current row)
)

select
  rolling.carrier,
  rolling.hour,
  rolling.late_7d / rolling.departures_7d as carrier_late_share_7d,
  rolling.delay_7d / rolling.departures_7d as carrier_mean_delay_7d,
  rolling.late_28d / rolling.departures_28d as carrier_late_share_28d,
  rolling.delay_28d / rolling.departures_28d as carrier_mean_delay_28d
from rolling
