SELECT
  concat_ws('-', carrier, flight, origin, time_hour) AS flight_id,
  scheduled_departure,
  scheduled_departure + make_interval(0, 0, 0, 0, 0, dep_delay) AS departed_at,
  carrier,
  origin,
  dest AS destination,
  dep_delay AS delay_minutes,
  dep_delay > 15 AS late
FROM flights
WHERE dep_delay IS NOT NULL
