SELECT
  carrier,
  date_trunc('HOUR', departed_at) AS hour,
  avg(CAST(late AS DOUBLE)) AS carrier_late_share,
  avg(delay_minutes) AS carrier_mean_delay
FROM departures
GROUP BY carrier, date_trunc('HOUR', departed_at)
