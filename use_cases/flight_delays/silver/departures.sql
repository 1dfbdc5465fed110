-- Flights that left. What is known only when the aircraft moves stands here and nowhere else.
with departed as (
  select
    flights.*,
    make_date(flights.year, flights.month, flights.day) as local_date,
    flights.time_hour + make_interval(0, 0, 0, 0, 0, flights.minute, 0) as scheduled_departure
  from flights
  where flights.dep_delay is not null
)

select
  concat_ws('-', departed.carrier, departed.flight, departed.origin, date_format(departed.local_date, 'yyyyMMdd')) as flight_id,
  departed.scheduled_departure,
  departed.scheduled_departure + make_interval(0, 0, 0, 0, 0, departed.dep_delay, 0) as departed_at,
  departed.carrier,
  departed.flight as flight_number,
  departed.origin,
  departed.dest as destination,
  departed.dep_delay as delay_minutes,
  departed.dep_delay > 15 as late
from departed
