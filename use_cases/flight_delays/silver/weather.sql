-- Hourly observations in the units of the source: degrees Fahrenheit, miles an hour, miles, millibar, inches.
select
  weather.origin,
  weather.time_hour as measured_at,
  weather.time_hour + interval 1 hour as published_at,
  weather.temp as temperature,
  weather.dewp as dew_point,
  weather.humid as humidity,
  weather.wind_speed,
  weather.wind_gust,
  weather.visib as visibility,
  weather.pressure,
  weather.precip as precipitation
from weather
