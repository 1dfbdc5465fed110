SELECT
  concat_ws('-', f.carrier, f.flight, f.origin, f.time_hour) AS flight_id,
  f.scheduled_departure,
  f.scheduled_departure - INTERVAL 30 DAYS AS published_at,
  f.carrier,
  l.name AS carrier_name,
  f.origin,
  f.dest AS destination,
  p.name AS destination_name,
  f.tailnum AS tail_number,
  f.distance,
  f.hour AS hour_of_day,
  weekday(f.scheduled_departure) AS weekday,
  f.month,
  a.seats,
  2013 - a.year AS plane_age
FROM flights AS f
LEFT JOIN planes AS a ON f.tailnum = a.tailnum
LEFT JOIN airlines AS l ON f.carrier = l.carrier
LEFT JOIN airports AS p ON f.dest = p.faa
