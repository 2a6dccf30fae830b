"""From a data set to a folder of arrays that runs read: downloads, preparation, storage."""
