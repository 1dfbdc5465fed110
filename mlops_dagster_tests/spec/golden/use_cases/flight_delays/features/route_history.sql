SELECT
  origin, destination,
  date_trunc('HOUR', departed_at) AS hour,
  avg(CAST(late AS DOUBLE)) AS route_late_share,
  avg(delay_minutes) AS route_mean_delay
FROM departures
GROUP BY origin, destination, date_trunc('HOUR', departed_at)
