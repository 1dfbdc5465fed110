-- Per flight number and full hour in which it left: how it went over the last 28 days. A row stands at the end of its
-- hour, so it counts only departures before it.
with hourly as (
  select
    departures.carrier, departures.flight_number,
    date_trunc('HOUR', departures.departed_at) + interval 1 hour as hour,
    count(*) as departures,
    sum(cast(departures.late as int)) as late,
    sum(departures.delay_minutes) as delay_minutes
  from departures
  group by departures.carrier, departures.flight_number, date_trunc('HOUR', departures.departed_at) + interval 1 hour
),

rolling as (
  select
    hourly.carrier, hourly.flight_number,
    hourly.hour,
    sum(hourly.departures) over last_28_days as departures_28d,
    sum(hourly.late) over last_28_days as late_28d,
    sum(hourly.delay_minutes) over last_28_days as delay_28d
  from hourly
  window
    last_28_days as (partition by hourly.carrier, hourly.flight_number order by hourly.hour range between interval 28 days preceding and current row)
)

select
  rolling.carrier,
  rolling.flight_number,
  rolling.hour,
  rolling.departures_28d as flight_departures_28d,
  rolling.late_28d / rolling.departures_28d as flight_late_share_28d,
  rolling.delay_28d / rolling.departures_28d as flight_mean_delay_28d
from rolling
