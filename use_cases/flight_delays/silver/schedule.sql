-- Every scheduled flight with what the airline has published a month ahead. Local times come from the file's own
-- columns; instants are UTC.
with scheduled as (
  select
    flights.*,
    make_date(flights.year, flights.month, flights.day) as local_date,
    flights.time_hour + make_interval(0, 0, 0, 0, 0, flights.minute, 0) as scheduled_departure
  from flights
)

select
  concat_ws('-', scheduled.carrier, scheduled.flight, scheduled.origin, date_format(scheduled.local_date, 'yyyyMMdd')) as flight_id,
  scheduled.scheduled_departure,
  scheduled.scheduled_departure - interval 30 days as published_at,
  scheduled.carrier,
  airlines.name as carrier_name,
  scheduled.flight as flight_number,
  scheduled.tailnum as tail_number,
  scheduled.origin,
  scheduled.dest as destination,
  airports.name as destination_name,
  scheduled.distance,
  scheduled.hour as hour_of_day,
  weekday(scheduled.local_date) as weekday,
  planes.seats,
  scheduled.year - planes.year as plane_age
from scheduled
left join planes on planes.tailnum = scheduled.tailnum
left join airlines on airlines.carrier = scheduled.carrier
left join airports on airports.faa = scheduled.dest
