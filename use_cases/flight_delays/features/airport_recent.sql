-- Per airport and full hour: how its departures of the last 2, 6 and 24 hours went. A row stands at the end of its
-- hour, so it counts only flights that had left by then.
with hourly as (
  select
    departures.origin,
    date_trunc('HOUR', departures.departed_at) + interval 1 hour as hour,
    count(*) as departures,
    sum(cast(departures.late as int)) as late,
    sum(departures.delay_minutes) as delay_minutes
  from departures
  group by departures.origin, date_trunc('HOUR', departures.departed_at) + interval 1 hour
),

rolling as (
  select
    hourly.origin,
    hourly.hour,
    sum(hourly.departures) over last_2_hours as departures_2h,
    sum(hourly.late) over last_2_hours as late_2h,
    sum(hourly.delay_minutes) over last_2_hours as delay_2h,
    sum(hourly.departures) over last_6_hours as departures_6h,
    sum(hourly.late) over last_6_hours as late_6h,
    sum(hourly.delay_minutes) over last_6_hours as delay_6h,
    sum(hourly.departures) over last_24_hours as departures_24h,
    sum(hourly.late) over last_24_hours as late_24h,
    sum(hourly.delay_minutes) over last_24_hours as delay_24h
  from hourly
  window
    last_2_hours as (partition by hourly.origin order by hourly.hour range between interval 2 hours preceding and current row),
    last_6_hours as (partition by hourly.origin order by hourly.hour range between interval 6 hours preceding and current row),
    last_24_hours as (partition by hourly.origin order by hourly.hour range between interval 24 hours preceding and current row)
)

select
  rolling.origin,
  rolling.hour,
  rolling.departures_2h as airport_departures_2h,
  rolling.late_2h / rolling.departures_2h as airport_late_share_2h,
  rolling.delay_2h / rolling.departures_2h as airport_mean_delay_2h,
  rolling.late_6h / rolling.departures_6h as airport_late_share_6h,
  rolling.delay_6h / rolling.departures_6h as airport_mean_delay_6h,
  rolling.late_24h / rolling.departures_24h as airport_late_share_24h,
  rolling.delay_24h / rolling.departures_24h as airport_mean_delay_24h
from rolling
